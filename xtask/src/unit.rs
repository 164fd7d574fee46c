//! What figures count, and how people read them.

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Nanoseconds of a processor.
    Time,
    /// Bytes.
    Memory,
}

impl Unit {
    /// The figure for people.
    pub(crate) fn show(self, value: f64) -> String {
        let steps: &[(f64, &str)] = match self {
            Self::Time => &[(1e9, "s"), (1e6, "ms"), (1e3, "µs")],
            Self::Memory => &[(1e6, "MB"), (1e3, "kB")],
        };
        let (scale, unit) =
            steps.iter().copied().find(|(scale, _)| value.abs() >= *scale).unwrap_or(match self {
                Self::Time => (1e3, "µs"),
                Self::Memory => (1e3, "kB"),
            });
        let scaled = value / scale;
        let digits = if scaled.abs() >= 99.5 {
            0
        } else if scaled.abs() >= 9.95 {
            1
        } else {
            2
        };
        format!("{scaled:.digits$} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        for (unit, value, shown) in [
            (Unit::Time, 1_234_567.0, "1.23 ms"),
            (Unit::Time, 12_345_678_901.0, "12.3 s"),
            (Unit::Time, 999.0, "1.00 µs"),
            (Unit::Time, -45_000.0, "-45.0 µs"),
            (Unit::Memory, 123_456.0, "123 kB"),
            (Unit::Memory, 0.0, "0.00 kB"),
        ] {
            assert_eq!(unit.show(value), shown);
        }
    }
}
