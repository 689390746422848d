//! What a member is called that was not told: after the person or the machine.

use groupcast::Name;

use crate::text::escape::is_unsafe;

/// The user, else the machine.
pub(crate) fn user() -> Option<String> {
    let variables = if cfg!(windows) {
        ["USERNAME", "USER"]
    } else {
        ["USER", "LOGNAME"]
    };
    let told = variables.into_iter().filter_map(std::env::var_os);
    told.filter_map(|name| presentable(&name.to_string_lossy()))
        .next()
        .or_else(host)
}

/// The machine, without its domain.
pub(crate) fn host() -> Option<String> {
    #[cfg(unix)]
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    presentable(label(&name))
}

/// The machine's own part of its name. `localhost` tells nobody anything.
fn label(name: &str) -> &str {
    let label = match name.split_once('.') {
        // Some machines are called by their address.
        Some((label, _)) if name.parse::<core::net::IpAddr>().is_err() => label,
        _ => name,
    };
    if label == "localhost" { "" } else { label }
}

/// As much of it as a name can have, without what terminals obey.
fn presentable(text: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !is_unsafe(*c)).collect();
    let text = text.trim();
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| *end <= Name::CAPACITY).last();
    let name = text[..end.unwrap_or(0)].trim_end();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_strangers_is_cut_at_a_character_and_obeyed_by_no_terminal() {
        let name = |text: &str| presentable(text);
        assert_eq!(name("ana").as_deref(), Some("ana"));
        assert_eq!(name(" \u{1b}[31mana\n\u{202e}").as_deref(), Some("[31mana"));
        for empty in ["", " ", "\n\u{7}"] {
            assert_eq!(name(empty), None);
        }
        // 33 octets: one character too many, of three.
        assert_eq!(name(&"한".repeat(11)), Some("한".repeat(10)));
        assert_eq!(name(&"x".repeat(64)), Some("x".repeat(32)));
        assert_eq!(
            name("0123456789012345678901234567890é"),
            Some("0123456789012345678901234567890".to_owned())
        );
        // No space is left at the end where it is cut.
        assert_eq!(
            name("0123456789012345678901234567890 x"),
            Some("0123456789012345678901234567890".to_owned())
        );
    }

    #[test]
    fn a_machine_is_called_by_its_own_part_of_the_name() {
        for (name, label_of) in [
            ("kitchen", "kitchen"),
            ("kitchen.example.org", "kitchen"),
            ("Anas-Mac.local", "Anas-Mac"),
            ("192.0.2.7", "192.0.2.7"),
            ("localhost", ""),
            ("localhost.localdomain", ""),
            ("", ""),
        ] {
            assert_eq!(label(name), label_of, "{name}");
        }
    }
}
