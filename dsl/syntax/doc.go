// Package syntax is the reader: it tells a plain Dockerfile from a script, and cuts the instructions out
// of a script, leaving shell text.
//
// An instruction in command position takes the rest of its logical line as it stands, by Dockerfile's
// rules for continuations and heredocs, up to the word or bracket that closes the shell block around it.
// What is left is parsed as a shell script, in which each instruction is a command of two words.
//
// Every byte of a script belongs either to an instruction or to the shell, and every position in what is
// returned is a position in the source.
//
// It runs nothing and does not look into what the instructions mean.
package syntax
