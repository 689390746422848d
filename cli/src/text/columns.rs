//! Tables for people: cells in columns.

use ratatui::text::Line;

use super::cells::fit;

/// Between two columns.
const SPACE: usize = 2;

/// The lines of a table. Every column is as wide as its widest cell.
pub(crate) fn lines<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> Vec<String> {
    let widths: [usize; COLUMNS] = core::array::from_fn(|column| {
        let cells = rows.iter().map(|row| width(&row[column]));
        cells.max().unwrap_or(0).max(1)
    });
    let line = |row: &[String; COLUMNS]| {
        let cells = row.iter().zip(widths);
        let cells: Vec<_> = cells
            .map(|(cell, widest)| format!("{cell}{}", " ".repeat(widest - width(cell))))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// A column of a table that may be wider than where it is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) heading: &'static str,
    pub(crate) kind: Kind,
    /// Where there is no room for all columns, that of the highest rank goes first. Those of rank 0 stay.
    pub(crate) rank: u8,
}

/// What stands in a column.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Text, which may be cut to so many columns before another column goes.
    Text(usize),
    /// A number, which is never cut. Its column has room for so many characters, so that the others stay where they
    /// are while it changes.
    Number(usize),
    /// A line of bars, the newest last: of it the older part goes.
    History,
}

/// The table for so many columns of a terminal, headings first: what has no room is left out, and of rows of
/// equal length each cell is as wide as its column.
#[derive(Debug)]
pub(crate) struct Fitted {
    /// Which columns are left.
    pub(crate) columns: Vec<usize>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Fitted {
    /// The lines for where nothing stands behind them.
    pub(crate) fn lines(&self) -> Vec<String> {
        let rows = self.rows.iter();
        rows.map(|row| joined(row).trim_end().to_owned()).collect()
    }
}

/// A row as one line.
pub(crate) fn joined(row: &[String]) -> String {
    row.join(&" ".repeat(SPACE))
}

/// Makes a table for `room` columns of a terminal. `None`: as many as it needs.
pub(crate) fn fitted<const COLUMNS: usize>(
    columns: [Column; COLUMNS],
    rows: &[[String; COLUMNS]],
    room: Option<usize>,
) -> Fitted {
    let widest = |at: usize| {
        let cells = rows.iter().map(|row| width(&row[at]));
        cells.max().unwrap_or(0).max(width(columns[at].heading))
    };
    let needed: [usize; COLUMNS] = core::array::from_fn(|at| match columns[at].kind {
        Kind::Number(usual) => widest(at).max(usual),
        Kind::Text(_) | Kind::History => widest(at),
    });
    let least: [usize; COLUMNS] = core::array::from_fn(|at| match columns[at].kind {
        Kind::Text(least) => needed[at].min(least),
        Kind::Number(_) => needed[at],
        Kind::History => needed[at].min(width(columns[at].heading)),
    });
    let mut left: Vec<usize> = (0..COLUMNS).collect();
    let mut widths = needed;
    if let Some(room) = room {
        let taken = |left: &[usize]| {
            let cells: usize = left.iter().map(|at| least[*at]).sum();
            cells + SPACE * left.len().saturating_sub(1)
        };
        while taken(&left) > room {
            let last = left.iter().copied().max_by_key(|at| columns[*at].rank);
            let Some(last) = last.filter(|at| columns[*at].rank > 0) else {
                break;
            };
            left.retain(|at| *at != last);
        }
        // What is over goes to those that were cut, from the left.
        let mut over = room.saturating_sub(taken(&left));
        widths = least;
        for at in &left {
            let more = over.min(needed[*at] - least[*at]);
            widths[*at] += more;
            over -= more;
        }
    }
    let row = |cells: [&str; COLUMNS]| {
        let cells = left.iter().map(|at| {
            let (cell, wide) = (cells[*at], widths[*at]);
            match columns[*at].kind {
                Kind::Text(_) => padded(&fit(cell, wide), wide, false),
                Kind::Number(_) => padded(cell, wide, true),
                Kind::History => padded(newest(cell, wide), wide, true),
            }
        });
        cells.collect()
    };
    let headings = core::iter::once(row(columns.map(|column| column.heading)));
    let rows = rows
        .iter()
        .map(|cells| row(cells.each_ref().map(String::as_str)));
    Fitted {
        rows: headings.chain(rows).collect(),
        columns: left,
    }
}

/// A cell as wide as its column.
fn padded(cell: &str, wide: usize, at_the_end: bool) -> String {
    let blank = " ".repeat(wide.saturating_sub(width(cell)));
    match at_the_end {
        true => format!("{blank}{cell}"),
        false => format!("{cell}{blank}"),
    }
}

/// The last characters, each of one column.
fn newest(bars: &str, wide: usize) -> &str {
    let old = bars.chars().count().saturating_sub(wide);
    bars.char_indices()
        .nth(old)
        .map_or("", |(at, _)| &bars[at..])
}

/// Cells of a terminal: some characters take two.
fn width(text: &str) -> usize {
    Line::raw(text).width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cells() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned);
        let rows = [row(["NAME", "AGE"]), row(["여보세요", ""]), row(["b", "7"])];
        assert_eq!(lines(&rows), ["NAME      AGE", "여보세요", "b         7"]);
    }

    const COLUMNS: [Column; 4] = [
        column("NAME", Kind::Text(4), 0),
        column("AGE", Kind::Number(4), 1),
        column("PLACE", Kind::Text(5), 3),
        column("PAST", Kind::History, 2),
    ];

    const fn column(heading: &'static str, kind: Kind, rank: u8) -> Column {
        Column {
            heading,
            kind,
            rank,
        }
    }

    fn shown(room: Option<usize>) -> Vec<String> {
        let row = |cells: [&str; 4]| cells.map(str::to_owned);
        let rows = [
            row(["여보세요", "7", "Neustadt", "  ▁▂▃▄▅▆▇"]),
            row(["ben", "1234567", "Ulm", ""]),
        ];
        fitted(COLUMNS, &rows, room).lines()
    }

    #[test]
    fn what_has_no_room_is_cut_then_left_out_by_rank() {
        assert_eq!(
            shown(None),
            [
                "NAME          AGE  PLACE          PAST",
                "여보세요        7  Neustadt    ▁▂▃▄▅▆▇",
                "ben       1234567  Ulm",
            ]
        );
        assert_eq!(shown(Some(38)), shown(None));
        for (room, expected) in [
            // The first gets what is over.
            (
                30,
                [
                    "NAME          AGE  PLACE  PAST",
                    "여보세요        7  Neus…  ▄▅▆▇",
                ],
            ),
            (
                26,
                ["NAME      AGE  PLACE  PAST", "여…         7  Neus…  ▄▅▆▇"],
            ),
            (
                25,
                ["NAME          AGE    PAST", "여보세요        7  ▂▃▄▅▆▇"],
            ),
            (13, ["NAME      AGE", "여…         7"]),
            (12, ["NAME", "여보세요"]),
            (3, ["NAME", "여…"]),
        ] {
            assert_eq!(shown(Some(room))[..2], expected, "{room}");
        }
    }

    #[test]
    fn no_table_is_wider_than_its_room_while_a_column_can_go() {
        for room in 4..60 {
            for line in shown(Some(room)) {
                assert!(width(&line) <= room, "{room}: {line}");
            }
        }
    }
}
