//! What a member takes, in a cell of a table.

use groupcast::wire::MAX_MAX_DATAGRAM;

/// `all` classes, or `values` of the classes that are not reliable and of State; and of which datagrams, if not of all.
pub(crate) fn takes(reliable: bool, max_datagram: u16) -> String {
    let classes = if reliable { "all" } else { "values" };
    if max_datagram < MAX_MAX_DATAGRAM {
        format!("{classes}, {max_datagram} bytes")
    } else {
        classes.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_is_short() {
        assert_eq!(takes(true, 1472), "all");
        assert_eq!(takes(true, 1025), "all, 1025 bytes");
        assert_eq!(takes(false, 512), "values, 512 bytes");
        assert_eq!(takes(false, 1472), "values");
    }
}
