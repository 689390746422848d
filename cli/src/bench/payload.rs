//! What messages carry, so that receivers can tell whether it is what was sent.
//!
//! ```text
//!  0        8
//!  | number | words that follow from the number …
//! ```

/// Bytes of the number.
pub(super) const NUMBER_LEN: usize = 8;

/// Odd, with ones and zeros in no order: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Writes the message with this number over all of `buffer`.
pub(super) fn fill(buffer: &mut [u8], number: u64) {
    let Some((head, rest)) = buffer.split_first_chunk_mut::<NUMBER_LEN>() else {
        return;
    };
    *head = number.to_le_bytes();
    let mut word = first_word(number);
    let (words, tail) = rest.as_chunks_mut::<8>();
    for chunk in words {
        *chunk = word.to_le_bytes();
        word = word.wrapping_add(STEP);
    }
    tail.copy_from_slice(&word.to_le_bytes()[..tail.len()]);
}

/// The number of a message; `None` if it is not one that [`fill`] wrote.
pub(super) fn number(message: &[u8]) -> Option<u64> {
    let (head, rest) = message.split_first_chunk::<NUMBER_LEN>()?;
    let number = u64::from_le_bytes(*head);
    let mut word = first_word(number);
    let (words, tail) = rest.as_chunks::<8>();
    let mut wrong = 0;
    for chunk in words {
        wrong |= u64::from_le_bytes(*chunk) ^ word;
        word = word.wrapping_add(STEP);
    }
    (wrong == 0 && tail == &word.to_le_bytes()[..tail.len()]).then_some(number)
}

const fn first_word(number: u64) -> u64 {
    number.wrapping_add(1).wrapping_mul(STEP).rotate_left(29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_again_and_any_change_is_noticed() {
        for len in [8, 9, 15, 16, 17, 64, 1001] {
            let mut message = vec![0; len];
            fill(&mut message, 77);
            assert_eq!(number(&message), Some(77), "{len}");
            let mut other = vec![0; len];
            fill(&mut other, 78);
            for at in NUMBER_LEN..len {
                let mut damaged = message.clone();
                damaged[at] ^= 0x10;
                assert_eq!(number(&damaged), None, "octet {at} of {len}");
                // An octet of another message in its place is noticed, too, unless they are the same.
                damaged[at] = other[at];
                assert_eq!(number(&damaged).is_none(), message[at] != other[at]);
            }
        }
        assert_eq!(number(&[1, 2, 3]), None);
    }

    #[test]
    fn a_changed_number_is_noticed() {
        let mut message = vec![0; 64];
        fill(&mut message, 1_000);
        message[0] ^= 1;
        assert_eq!(number(&message), None);
    }
}
