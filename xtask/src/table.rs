//! Tables for people.

use comfy_table::modifiers::UTF8_ROUND_CORNERS;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};

/// As wide as a terminal may be expected to be, with the margin.
const WIDTH: u16 = 97;
const WIDE: u16 = 118;

/// A table with a head, not wider than a terminal.
pub(crate) fn new(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).apply_modifier(UTF8_ROUND_CORNERS);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    table.set_header(head.iter().map(|text| Cell::new(text).add_attribute(Attribute::Bold)));
    table
}

/// A table for many columns, as wide as a terminal that is made wide for it.
pub(crate) fn wide(head: &[&str]) -> Table {
    let mut table = new(head);
    table.set_width(WIDE);
    for column in table.column_iter_mut() {
        column.set_padding((0, 0));
    }
    table
}

/// Fixes the columns' widths, borders not counted.
pub(crate) fn widths(table: &mut Table, widths: &[u16]) {
    let padded = widths.iter().map(|width| ColumnConstraint::Absolute(Width::Fixed(width + 2)));
    table.set_constraints(padded);
}

/// Shows rows of text, numbers to the right.
pub(crate) fn show(head: &[&str], rows: Vec<Vec<String>>) {
    let mut table = new(head);
    for row in rows {
        table.add_row(row.into_iter().map(cell));
    }
    print(&table);
}

/// Prints a table with a margin.
pub(crate) fn print(table: &Table) {
    for line in table.lines() {
        println!("  {line}");
    }
}

/// A cell, to the right if it is a number.
pub(crate) fn cell(text: String) -> Cell {
    let number = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == ',');
    let cell = Cell::new(text);
    if number { cell.set_alignment(CellAlignment::Right) } else { cell }
}

/// A number with its thousands set apart.
pub(crate) fn number(number: usize) -> String {
    group(&number.to_string())
}

/// The same for a text, where it is a number.
pub(crate) fn group(text: &str) -> String {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return text.to_owned();
    }
    let mut grouped = String::new();
    for (i, digit) in text.chars().enumerate() {
        if i > 0 && (text.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::group;

    #[test]
    fn thousands_are_set_apart() {
        for (text, shown) in
            [("0", "0"), ("999", "999"), ("1000", "1,000"), ("1234567", "1,234,567"), ("a1", "a1")]
        {
            assert_eq!(group(text), shown);
        }
    }
}
