//! Compiles the wire form, if it is asked for. No compiler of protobuf has to be installed.

#[cfg(feature = "grpc")]
const FILES: [&str; 5] = [
    "bulla/carrier/v1/blobs.proto",
    "bulla/carrier/v1/carrier.proto",
    "bulla/carrier/v1/envelope.proto",
    "bulla/carrier/v1/identity.proto",
    "bulla/carrier/v1/keys.proto",
];

#[cfg(feature = "grpc")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = protox::compile(FILES, ["proto"])?;
    tonic_prost_build::configure()
        .bytes(".bulla.carrier.v1")
        // There are phone numbers and proofs among what the messages hold.
        .skip_debug(["."])
        .codec_path("crate::grpc::codec::BoundedCodec")
        .compile_fds(files)?;
    Ok(())
}

#[cfg(not(feature = "grpc"))]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}
