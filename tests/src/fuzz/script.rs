//! Octets as a script: read from the front, and zeros when there are no more.

/// What is left of a script.
#[derive(Clone, Debug)]
pub(super) struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub(super) const fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    pub(super) const fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// The next octets: as many as there are, if that is less.
    pub(super) fn octets(&mut self, len: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        head
    }

    pub(super) fn octet(&mut self) -> u8 {
        self.octets(1).first().copied().unwrap_or_default()
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.octet(), self.octet()])
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from(self.u16()) << 16 | u32::from(self.u16())
    }

    /// Below `bound`, which is 256 at most.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.octet()) % bound
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// From 1 µs to 67 s: the octet's high 5 bits are the logarithm.
    pub(super) fn time(&mut self) -> core::time::Duration {
        let octet = u64::from(self.octet());
        let magnitude = 1 << (octet >> 3).min(26);
        core::time::Duration::from_micros(magnitude + magnitude * (octet & 7) / 8)
    }
}
