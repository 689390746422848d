//! The key of the group. **For demonstrations only: everybody has it, because it is in the repository.**
//!
//! Yours is made so, and belongs into no repository:
//!
//! ```text
//! groupcast keygen --group-name NAME --out my.keys         for the desktops
//! groupcast keygen --rust-array --from my.keys             KEY, for the boards
//! ```

/// The name of the group that the key is for.
pub const GROUP_NAME: &str = "board-demo";

/// The same key as in `key/demo.keys`.
#[cfg(feature = "seal")]
#[rustfmt::skip]
pub const KEY: [u8; 32] = [
    0x00, 0x39, 0x4d, 0xaa, 0xeb, 0x32, 0x0f, 0x2a,
    0xb8, 0x9f, 0xd6, 0x01, 0xa0, 0x7b, 0xf1, 0xee,
    0x87, 0x0b, 0xeb, 0x95, 0x0d, 0xe0, 0x50, 0x52,
    0xa8, 0x2b, 0x6a, 0x10, 0xd1, 0x4e, 0x7f, 0x82,
];
