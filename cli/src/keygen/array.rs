//! A key as an array to compile in.

use zeroize::Zeroizing;

/// What an array is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Language {
    C,
    Rust,
}

/// A key as an array to compile in.
pub(super) fn array(
    remark: &str,
    begin: &str,
    key: &[u8; 32],
    language: Language,
) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(512));
    text.push_str(&format!("// {remark}\n{begin}\n"));
    for row in key.chunks(8) {
        text.push_str("   ");
        for octet in row {
            text.push_str(&format!(" 0x{octet:02x},"));
        }
        text.push('\n');
    }
    text.push_str(match language {
        Language::C => "};",
        Language::Rust => "];",
    });
    text
}
