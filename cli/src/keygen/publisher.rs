//! `groupcast keygen --sign`, `--public`: keys of publishers.

use std::path::Path;

use groupcast::sign::PublicKey;
use groupcast_std::key_file::{KeyFileError, public_key_to_text, signing_key_to_text};
use groupcast_std::sign_file;
use zeroize::Zeroizing;

use super::array::{Language, array};
use crate::options::Common;
use crate::output::json;
use crate::process::failure::Failure;

/// What a publisher is called whose name is not told.
const NAMELESS: &str = "publisher";

/// A new key to sign with, as a file or as JSON. It is secret.
///
/// `to_file`: in the form that files have.
pub(super) fn new_key(common: &Common, to_file: bool) -> Result<Zeroizing<String>, Failure> {
    let name = common.name.as_deref().unwrap_or(NAMELESS);
    let key = sign_file::generate()?;
    // The name is looked at in JSON, too.
    let text = sign_file::to_text(&key, name).map_err(KeyFileError::Name)?;
    if !common.json || to_file {
        return Ok(text);
    }
    let public = public_key_to_text(&key.public());
    let secret = signing_key_to_text(&key);
    Ok(Zeroizing::new(json::signing_key(name, &secret, &public)))
}

/// The public key of a file: the line that trusts it, an array, or JSON.
pub(super) fn public_key(
    common: &Common,
    path: &Path,
    language: Option<Language>,
    to_file: bool,
) -> Result<String, Failure> {
    let name = common.name.as_deref().unwrap_or(NAMELESS);
    let key = sign_file::load(path)?.public();
    let line = sign_file::trust_line(name, &key).map_err(KeyFileError::Name)?;
    Ok(match language {
        Some(language) => as_array(name, &key, language),
        None if common.json && !to_file => json::public_key(name, &public_key_to_text(&key)),
        None => line,
    })
}

fn as_array(name: &str, key: &PublicKey, language: Language) -> String {
    let remark = format!("The public key of {name:?}.");
    let begin = match language {
        Language::C => "static const unsigned char groupcast_public_key[32] = {",
        Language::Rust => "pub const PUBLIC_KEY: [u8; 32] = [",
    };
    String::clone(&array(&remark, begin, key.as_bytes(), language))
}
