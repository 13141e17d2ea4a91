/// A number as a setting is typed, without a fraction that says nothing: `0.1`, and `8` rather than `8.0`.
package func settingText(_ value: Double) -> String { settingText("\(value)") }

/// The same of a number that is text already.
package func settingText(_ text: String) -> String { text.hasSuffix(".0") ? String(text.dropLast(2)) : text }
