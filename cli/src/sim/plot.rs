//! Pictures.
use super::options::Sim;
use crate::failure::Failure;
use crate::output::Output;
use std::path::Path;
pub(super) fn run(_options: &Sim, _path: &Path, _output: &mut Output) -> Result<(), Failure> {
    Ok(())
}
