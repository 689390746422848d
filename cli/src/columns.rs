//! Tables for people: cells in columns.

use ratatui::text::Line;

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
}
