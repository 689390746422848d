//! `groupcast keygen`: a key for a sealed group, as a key file or as an array for a board; or a publisher's.

mod array;
mod file;
pub(crate) mod options;
mod publisher;

use std::io::{self, IsTerminal, stdin};
use std::path::Path;

use groupcast::seal::GroupKey;
use groupcast_std::key_file::{self, KeyFile, KeyFileError, key_to_text};
use groupcast_std::passphrase;
use zeroize::Zeroizing;

use crate::options::Common;
use crate::output::Output;
use crate::output::json;
use crate::process::failure::Failure;
use crate::process::signal;
#[cfg(unix)]
use crate::process::tty;
use array::{Language, array};
use options::Keygen;

pub(crate) fn run(common: &Common, options: &Keygen) -> Result<(), Failure> {
    if common.json && (options.c_array || options.rust_array) {
        let text = "an array is not JSON; leave out --json or the array";
        return Err(Failure::Settings(text.to_owned()));
    }
    let language = match (options.c_array, options.rust_array) {
        (true, _) => Some(Language::C),
        (_, true) => Some(Language::Rust),
        _ => None,
    };
    if let Some(path) = &options.out {
        file::is_new(path)?;
    }
    // Arrays and public keys are put behind others.
    #[cfg(unix)]
    if options.out.is_none() && options.public.is_none() && language.is_none() && !common.json {
        file::tell_of_before()?;
    }
    if let Some(path) = &options.public {
        let text = publisher::public_key(common, path, language, options.out.is_some())?;
        return match &options.out {
            Some(path) => written(common, path, &text, file::For::Everybody),
            None => Output::new(common.json).line(&text),
        };
    }
    let text = if options.sign {
        publisher::new_key(common, options.out.is_some())?
    } else {
        group_key(common, options, language)?
    };
    if let Some(path) = &options.out {
        return written(common, path, text.trim_end(), file::For::Oneself);
    }
    #[cfg(unix)]
    file::keep_private();
    Output::new(common.json).line(text.trim_end())
}

/// Writes the file of --out, and tells programs where it is.
fn written(common: &Common, path: &Path, text: &str, readers: file::For) -> Result<(), Failure> {
    file::write(path, text, readers)?;
    if common.json {
        let line = json::file(&path.display().to_string());
        return Output::new(true).line(&line);
    }
    Ok(())
}

/// The key of a sealed group: as a file, as an array, or as JSON. It is secret.
fn group_key(
    common: &Common,
    options: &Keygen,
    language: Option<Language>,
) -> Result<Zeroizing<String>, Failure> {
    let file = key(common.group_name.as_deref(), options)?;
    let key = file.keys().sending();
    Ok(match language {
        Some(language) => {
            // A name has no control characters, so it does not end the line.
            let remark = format!(
                "The key of the group {:?}. Keep it secret.",
                file.group_name()
            );
            let begin = match language {
                Language::C => "static const unsigned char groupcast_key[32] = {",
                Language::Rust => "pub const KEY: [u8; 32] = [",
            };
            array(&remark, begin, key.secret(), language)
        }
        None if common.json && options.out.is_none() => {
            let text = key_to_text(key);
            Zeroizing::new(json::key(file.group_name().as_str(), &text))
        }
        None => file.to_text(),
    })
}

/// The key that is asked for, and the name of its group.
fn key(group: Option<&str>, options: &Keygen) -> Result<KeyFile, Failure> {
    if let Some(path) = &options.from {
        let file = key_file::load(path)?;
        return match group {
            Some(group) if group != file.group_name().as_str() => Err(Failure::Settings(format!(
                "the key file is for the group {:?}, not {group:?}; leave out --group-name",
                file.group_name()
            ))),
            _ => Ok(file),
        };
    }
    let group = group.unwrap_or_default();
    if !options.passphrase {
        return Ok(KeyFile::generate(group)?);
    }
    // The name is looked at before anybody is asked to think of a passphrase.
    let with_key = |key| KeyFile::new(group, key).map_err(KeyFileError::Name);
    let named = with_key(GroupKey::new([0; GroupKey::LEN]))?;
    if named.group_name().is_empty() {
        aside!(
            "groupcast: without --group-name, this passphrase gives the same key everywhere, so it can be guessed for all \
             such groups at once; give the group a name"
        );
    }
    let key = passphrase::key(&ask()?, named.group_name())
        .map_err(|error| Failure::Settings(error.to_string()))?;
    Ok(with_key(key)?)
}

/// The passphrase: asked for twice at a terminal, else the first line of standard input.
fn ask() -> Result<Zeroizing<String>, Failure> {
    let unreadable = |error: io::Error| {
        Failure::Settings(format!("cannot read the passphrase: {error}; type it in"))
    };
    if !stdin().is_terminal() {
        return passphrase::read(&mut stdin().lock()).map_err(unreadable);
    }
    // Meanwhile nothing that is typed is seen, which has to end with this program, too.
    #[cfg(unix)]
    tty::remember_echo();
    signal::install()?;
    let ask = |prompt| {
        let typed = signal::ends_at_once(|| rpassword::prompt_password(prompt));
        match typed {
            // Ctrl-C is read here as a key.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => signal::end(),
            typed => typed.map(Zeroizing::new).map_err(unreadable),
        }
    };
    let first = ask("Passphrase: ")?;
    if *first != *ask("The same again: ")? {
        return Err(Failure::Settings(
            "the two passphrases differ; begin again".to_owned(),
        ));
    }
    Ok(first)
}
