//! Writing bytes with bounds checked.

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
/// A write that does not fit changes nothing, and is remembered: whoever writes asks once, in the end, whether
/// [everything fitted](Self::finish).
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    buffer: &'a mut [u8],
    len: usize,
    end: usize,
    is_short: bool,
}

impl<'a> Writer<'a> {
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) const fn new(buffer: &'a mut [u8]) -> Self {
        Self::resume(buffer, 0)
    }

    /// Goes on after `len` bytes that stand in `buffer` already.
    pub(crate) const fn resume(buffer: &'a mut [u8], len: usize) -> Self {
        Self {
            buffer,
            len,
            end: usize::MAX,
            is_short: false,
        }
    }

    /// How many bytes have been written.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// How many bytes still fit.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn room(&self) -> usize {
        self.end.min(self.buffer.len()).saturating_sub(self.len)
    }

    /// From now on there is [room](Self::room) before `end`. Who does not ask for room writes on.
    pub(crate) const fn set_end(&mut self, end: usize) {
        self.end = end;
    }

    /// What has been written.
    pub(crate) fn written(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }

    /// Notes that something does not fit.
    pub(crate) const fn fail(&mut self) {
        self.is_short = true;
    }

    /// How many bytes have been written, if everything fitted.
    pub(crate) const fn finish(&self) -> Result<usize, BufferTooSmall> {
        if self.is_short {
            Err(BufferTooSmall)
        } else {
            Ok(self.len)
        }
    }

    /// The length of a frame's body as the wire has it. One that is too large fits no datagram.
    pub(crate) fn len_of(&mut self, body: usize) -> [u8; 2] {
        let len = u16::try_from(body).unwrap_or_else(|_| {
            self.fail();
            0
        });
        len.to_be_bytes()
    }

    #[inline(never)]
    pub(crate) fn octets(&mut self, octets: &[u8]) {
        // The lengths are the same.
        self.with(octets.len(), |to| to.copy_from_slice(octets));
    }

    /// Appends `len` bytes that `fill` writes.
    pub(crate) fn with(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) {
        let rest = self.buffer.get_mut(self.len..);
        let Some(octets) = rest.and_then(|rest| rest.get_mut(..len)) else {
            return self.fail();
        };
        fill(octets);
        self.len = self.len.saturating_add(len);
    }

    #[inline(never)]
    pub(crate) fn u8(&mut self, value: u8) {
        self.octets(&value.to_be_bytes());
    }

    #[inline(never)]
    pub(crate) fn u16(&mut self, value: u16) {
        self.octets(&value.to_be_bytes());
    }

    #[inline(never)]
    pub(crate) fn u32(&mut self, value: u32) {
        self.octets(&value.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_before_the_end_and_in_the_buffer() {
        let mut octets = [0; 10];
        let mut w = Writer::new(&mut octets);
        w.octets(&[1; 3]);
        assert_eq!(w.room(), 7);
        for (end, room) in [(20, 7), (6, 3), (2, 0), (10, 7)] {
            w.set_end(end);
            assert_eq!(w.room(), room);
        }
        assert_eq!(w.finish(), Ok(3));
        w.octets(&[3; 8]);
        assert_eq!(w.written(), [1, 1, 1]);
        // What comes later makes it no better.
        w.u32(7);
        assert_eq!(w.finish(), Err(BufferTooSmall));
    }
}
