//! The whole, from outside: real binaries, real sockets, real children. One binary, a module per theme.

/// Makes of each `fn name(subject: Subject)` one test per subject, so that they run side by side.
macro_rules! for_each_subject {
    ($($name:ident),* $(,)?) => {
        /// Against Supervisor itself: is what we expect true?
        mod original {
            $(#[test] fn $name() { super::$name(integration::subject::Subject::Original); })*
        }

        /// Against our agent: does it do the same?
        mod ours {
            $(#[test] fn $name() { super::$name(integration::subject::Subject::Ours); })*
        }
    };
}

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod compat;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod hung;
#[cfg(test)]
mod idle;
#[cfg(test)]
mod init;
#[cfg(test)]
mod listed;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod old_kernel;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod scale;
#[cfg(test)]
mod words;
