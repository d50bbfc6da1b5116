// Package diag says where in a source something is wrong, and what to do about it.
//
// A Source never changes, so offsets stay true; lines and columns are worked out from them when asked
// for. The position is put on an error once, by whoever knows the instruction; errors below that are
// plain, and may bring advice by a method `Hint() string`.
//
// It does not decide about exit statuses.
package diag
