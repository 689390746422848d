//! Seeds as firmware makes them, where there is no random number: which octets differ is anybody's choice.

use super::super::dice::Dice;

/// Octets of a device's number, and of the number of a start.
const DEVICE: usize = 8;
const START: usize = 4;

/// The seed of a member's start. Between two starts of a member only the number of the start differs, and
/// between members only the last octet of the device.
pub(super) fn seed(seed: u64, member: usize, start: u64) -> [u8; 32] {
    let mut dice = Dice::new(seed, 8);
    let device = dice.place(32 - DEVICE - START + 1);
    let behind = device + DEVICE;
    let number = behind + dice.place(32 - START - behind + 1);
    let is_little = dice.chance(0.5);
    let mut octets = [0; 32];
    octets[device..behind].copy_from_slice(&dice.roll().to_be_bytes());
    octets[behind - 1] = octets[behind - 1].wrapping_add(member as u8);
    let start = start as u32;
    let written = if is_little {
        start.to_le_bytes()
    } else {
        start.to_be_bytes()
    };
    octets[number..number + START].copy_from_slice(&written);
    octets
}
