//! One query's plans for several organizations, as a person compares them.

mod node;
mod pick;
mod side_by_side;

pub use node::{Plan, Unreadable};
pub use pick::{Sample, pick};
pub use side_by_side::{Column, side_by_side};

/// Thousands apart: `1,234,567`.
fn number(value: f64) -> String {
    let digits = format!("{value:.0}");
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |rest| ("-", rest));
    let mut text = sign.to_owned();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share of rows: `30.2 %`, `0.018 %`.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let digits = if percent >= 1.0 {
        1
    } else if percent >= 0.1 {
        2
    } else {
        3
    };
    format!("{percent:.digits$} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        let shown = [0.0, 7.0, 999.4, 1000.0, 1_234_567.0, -1500.0].map(number);
        assert_eq!(shown, ["0", "7", "999", "1,000", "1,234,567", "-1,500"]);
        assert_eq!([0.302, 0.04, 0.0056, 0.000_18].map(percent), ["30.2 %", "4.0 %", "0.56 %", "0.018 %"]);
    }
}
