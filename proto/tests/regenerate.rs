//! The checked-in generated code is what the `.proto` files say.
//!
//! After a change of a `.proto` file: `FLEETVISOR_REGENERATE=1 cargo test -p proto --test regenerate`.

use std::path::Path;

#[test]
fn the_generated_code_is_what_the_proto_files_say() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = [here.join("fleetvisor/v1/link.proto"), here.join("fleetvisor/v1/fleet.proto")];
    let descriptors = protox::compile(&files, [here]).expect("the .proto files compile");
    let out = tempfile::tempdir().expect("a temporary directory");
    tonic_prost_build::configure()
        .out_dir(out.path())
        .compile_fds(descriptors)
        .expect("code is generated");
    let fresh = std::fs::read_to_string(out.path().join("fleetvisor.v1.rs")).expect("one package");
    let kept = here.join("src/gen/fleetvisor.v1.rs");
    if std::env::var_os("FLEETVISOR_REGENERATE").is_some() {
        std::fs::write(&kept, &fresh).expect("src/gen can be written");
    }
    let known = std::fs::read_to_string(&kept).unwrap_or_default();
    assert!(
        known == fresh,
        "proto/src/gen is out of date; run \
         FLEETVISOR_REGENERATE=1 cargo test -p proto --test regenerate"
    );
}
