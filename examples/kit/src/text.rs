//! Short texts, put together without `core::fmt`, which takes some 2 KB of flash.

use heapless::String;

/// A text of at most `N` bytes. What does not fit is left out.
#[derive(Clone, Debug, Default)]
pub struct Text<const N: usize>(String<N>);

impl<const N: usize> Text<N> {
    /// An empty one.
    pub const fn new() -> Self {
        Self(String::new())
    }

    /// With this behind it.
    #[must_use]
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn with(mut self, text: &str) -> Self {
        let _ = self.0.push_str(text);
        self
    }

    /// With this number behind it.
    #[must_use]
    pub fn number(mut self, number: u32) -> Self {
        let mut unit = 1_u32;
        while number / unit >= 10 {
            unit *= 10;
        }
        while unit > 0 {
            let digit = number / unit % 10;
            let _ = self.0.push(char::from(b'0' + digit as u8));
            unit /= 10;
        }
        self
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A number in decimal digits.
#[cfg_attr(target_os = "none", inline(never))]
pub fn number(text: &str) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.bytes().try_fold(0_u32, |number, octet| {
        let digit = octet.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}
