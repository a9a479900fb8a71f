//! Whole configurations from the disk of this machine, with users made up.

mod any_text;
mod broken;
mod compare;
mod corpus;
mod diagnosis;
mod oddities;
mod whole;
mod world;
