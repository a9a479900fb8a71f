//! Words in columns, ordered down the columns, as many columns as fit.

/// Blanks between columns.
const GAP: usize = 2;

/// Lays the words out in lines of at most `width` columns. Every column but the last is filled
/// up with blanks, and so is the last one: it is as wide as its widest word.
pub fn columns(words: &[&str], width: usize) -> Vec<String> {
    let rows = (1..words.len()).find(|rows| fits(words, *rows, width)).unwrap_or(words.len());
    let widths: Vec<usize> = words.chunks(rows.max(1)).map(widest).collect();
    let line = |row: usize| {
        let cells = widths.iter().enumerate().map(|(column, width)| {
            let word = words.get(row + column * rows).unwrap_or(&"");
            format!("{word:width$}")
        });
        let mut cells: Vec<String> = cells.collect();
        // A column that is empty in this row is not filled up.
        while cells.last().is_some_and(|cell| cell.trim().is_empty()) {
            cells.pop();
        }
        cells.join(&" ".repeat(GAP))
    };
    (0..rows).map(line).collect()
}

fn widest(words: &[&str]) -> usize {
    words.iter().map(|word| word.len()).max().unwrap_or(0)
}

fn fits(words: &[&str], rows: usize, width: usize) -> bool {
    let widths: Vec<usize> = words.chunks(rows).map(widest).collect();
    widths.iter().sum::<usize>() + GAP * (widths.len() - 1) <= width
}

#[cfg(test)]
mod tests {
    use super::columns;

    #[test]
    fn words_go_down_the_columns() {
        assert_eq!(columns(&["a", "bb", "c", "d", "e"], 7), ["a   d", "bb  e", "c "]);
        assert_eq!(columns(&["a", "b"], 80), ["a  b"]);
        assert_eq!(columns(&["long", "longer"], 3), ["long  ", "longer"]);
        assert!(columns(&[], 80).is_empty());
    }
}
