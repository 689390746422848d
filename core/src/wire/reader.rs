//! Reading bytes with bounds checked.

use super::ParseError;

/// A cursor over received bytes, network byte order.
///
/// What is missing is read as zeros. That it was missing is remembered, and nothing is left from then on: whoever
/// reads asks once, in the end, whether [all went well](Self::finish).
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    error: Option<ParseError>,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(octets: &'a [u8]) -> Self {
        Self {
            rest: octets,
            error: None,
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is left, without reading it.
    pub(crate) const fn peek(&self) -> &'a [u8] {
        self.rest
    }

    /// Notes what is wrong with what was read, if nothing was before.
    pub(crate) fn fail(&mut self, error: ParseError) {
        self.error.get_or_insert(error);
        self.rest = &[];
    }

    /// What was read, if nothing was wrong with it.
    pub(crate) fn finish<T>(&self, read: T) -> Result<T, ParseError> {
        self.error.map_or(Ok(read), Err)
    }

    #[cold]
    #[cfg_attr(target_os = "none", inline(never))]
    fn end_too_early(&mut self, need: usize) {
        let have = self.rest.len();
        self.fail(ParseError::Truncated { need, have });
    }

    #[inline(never)]
    pub(crate) fn octets(&mut self, len: usize) -> &'a [u8] {
        let Some((head, tail)) = self.rest.split_at_checked(len) else {
            self.end_too_early(len);
            return &[];
        };
        self.rest = tail;
        head
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let Some((head, tail)) = self.rest.split_first_chunk() else {
            self.end_too_early(N);
            return [0; N];
        };
        self.rest = tail;
        *head
    }

    #[inline(never)]
    pub(crate) fn u8(&mut self) -> u8 {
        u8::from_be_bytes(self.array())
    }

    #[inline(never)]
    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    #[inline(never)]
    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_zero_and_told_in_the_end() {
        let mut r = Reader::new(&[1, 2, 3, 4]);
        assert_eq!((r.u8(), r.u16(), r.is_empty()), (1, 0x0203, false));
        assert_eq!(r.finish(()), Ok(()));
        assert_eq!(r.u16(), 0);
        // Nothing is left, and what was wrong first is told.
        assert_eq!((r.u8(), r.octets(1), r.is_empty()), (0, &[][..], true));
        r.fail(ParseError::BadName);
        let truncated = ParseError::Truncated { need: 2, have: 1 };
        assert_eq!(r.finish(()), Err(truncated));
        assert_eq!(Reader::new(&[]).octets(0), []);
    }
}
