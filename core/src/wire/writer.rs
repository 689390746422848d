//! Writing octets with bounds checked.

/// The buffer is too small for what was to be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BufferTooSmall;

impl core::fmt::Display for BufferTooSmall {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the buffer is too small for the datagram; make it as large as `max_datagram`")
    }
}

impl core::error::Error for BufferTooSmall {}

/// A cursor over a buffer to fill, network byte order.
///
/// A write that does not fit changes nothing.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    pub(crate) const fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// Goes on after `len` octets that stand in `buffer` already.
    pub(crate) const fn resume(buffer: &'a mut [u8], len: usize) -> Self {
        Self { buffer, len }
    }

    /// How many octets have been written.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// How many octets still fit.
    pub(crate) fn room(&self) -> usize {
        self.buffer.len().saturating_sub(self.len)
    }

    /// How many octets still fit before `end`.
    pub(crate) fn room_before(&self, end: usize) -> usize {
        end.min(self.buffer.len()).saturating_sub(self.len)
    }

    /// From now on nothing is written at `end` or behind it.
    #[inline]
    pub(crate) fn stop_before(&mut self, end: usize) {
        if end < self.buffer.len() {
            self.cut(end.max(self.len));
        }
    }

    #[inline(never)]
    fn cut(&mut self, end: usize) {
        let buffer = core::mem::take(&mut self.buffer);
        self.buffer = buffer.get_mut(..end).unwrap_or_default();
    }

    /// What has been written.
    pub(crate) fn written(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }

    #[inline(never)]
    pub(crate) fn octets(&mut self, octets: &[u8]) -> Result<(), BufferTooSmall> {
        let end = self.len.checked_add(octets.len()).ok_or(BufferTooSmall)?;
        self.buffer
            .get_mut(self.len..end)
            .ok_or(BufferTooSmall)?
            .copy_from_slice(octets);
        self.len = end;
        Ok(())
    }

    /// Appends `len` octets that `fill` writes.
    pub(crate) fn with(
        &mut self,
        len: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<(), BufferTooSmall> {
        let end = self.len.checked_add(len).ok_or(BufferTooSmall)?;
        fill(self.buffer.get_mut(self.len..end).ok_or(BufferTooSmall)?);
        self.len = end;
        Ok(())
    }

    pub(crate) fn u8(&mut self, value: u8) -> Result<(), BufferTooSmall> {
        self.octets(&value.to_be_bytes())
    }

    pub(crate) fn u16(&mut self, value: u16) -> Result<(), BufferTooSmall> {
        self.octets(&value.to_be_bytes())
    }

    pub(crate) fn u32(&mut self, value: u32) -> Result<(), BufferTooSmall> {
        self.octets(&value.to_be_bytes())
    }

    pub(crate) fn u48(&mut self, value: u64) -> Result<(), BufferTooSmall> {
        let [_, _, octets @ ..] = value.to_be_bytes();
        self.octets(&octets)
    }

    pub(crate) fn u64(&mut self, value: u64) -> Result<(), BufferTooSmall> {
        self.octets(&value.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_behind_where_a_datagram_must_end() {
        let mut octets = [0; 10];
        let mut w = Writer::new(&mut octets);
        w.octets(&[1; 3]).unwrap();
        assert_eq!((w.room(), w.room_before(6), w.room_before(20)), (7, 3, 7));
        w.stop_before(20);
        assert_eq!(w.room(), 7);
        w.stop_before(6);
        assert_eq!((w.len(), w.room(), w.room_before(20)), (3, 3, 3));
        assert_eq!(w.octets(&[3; 4]), Err(BufferTooSmall));
        w.stop_before(2);
        assert_eq!((w.len(), w.room(), w.room_before(2)), (3, 0, 0));
        assert_eq!(w.written(), [1, 1, 1]);
    }
}
