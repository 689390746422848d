//! `--key-file`: members of sealed groups.

use groupcast::seal::FirstContact;
use groupcast_std::MemberBuilder;
use groupcast_std::key_file::{self, KeyFile};

use crate::options::Common;
use crate::options::origin::Origin;
use crate::process::failure::Failure;
use crate::process::signal;

/// The key file that is asked for.
pub(crate) fn load(common: &Common) -> Result<Option<KeyFile>, Failure> {
    let Some(path) = &common.key_file else {
        return Ok(None);
    };
    let file = signal::ends_at_once(|| key_file::load(path))
        .map_err(|error| common.failure(&error.into()))?;
    // A file without a name fits any group.
    let name = file.group_name().as_str();
    match &common.group_name {
        Some(group) if !name.is_empty() && group != name => {
            let advice = match &common.origins.group_name {
                Origin::Plain => "leave out --group-name".to_owned(),
                origin => format!("take the group's name out of {origin}"),
            };
            Err(Failure::Settings(format!(
                "the key file is for the group {name:?}, not {group:?}; {advice}"
            )))
        }
        _ => Ok(Some(file)),
    }
}

/// Seals what the member says, if a key file is asked for.
pub(crate) fn seal(common: &Common, builder: MemberBuilder) -> Result<MemberBuilder, Failure> {
    let Some(file) = load(common)? else {
        return Ok(builder);
    };
    let first_contact = if common.trust_first {
        FirstContact::TrustFirst
    } else {
        FirstContact::Verify
    };
    let name = file.group_name().as_str();
    let builder = match (&common.group_name, name) {
        (None, name) if !name.is_empty() => builder.group_name(name),
        _ => builder,
    };
    Ok(builder
        .keys(file.keys().clone())
        .first_contact(first_contact)
        .raw(common.raw))
}
