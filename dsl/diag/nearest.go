package diag

import "strings"

// Nearest returns the known word that word is most likely a misspelling of, or "" when none is near.
// Letter case does not count. A word may be off by one letter for every three that it has, at least one;
// two letters the wrong way round are one mistake.
func Nearest(word string, known []string) string {
	best, nearest := max(1, len([]rune(word))/3)+1, ""
	for _, k := range known {
		if d := distance(strings.ToUpper(word), strings.ToUpper(k)); d < best {
			best, nearest = d, k
		}
	}
	return nearest
}

// distance is the number of letters to insert, delete, replace or swap with their neighbour to make b of a
// (optimal string alignment).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	var above, above2 []int
	for i := 1; i <= len(x); i++ {
		above2, above, row = above, row, make([]int, len(y)+1)
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], above2[j-2]+1)
			}
		}
	}
	return row[len(y)]
}
