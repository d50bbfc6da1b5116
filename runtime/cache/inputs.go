package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Input is one of the things that a step's result depends on, by a name that people know it by: "command",
// "variable HOME", "content".
type Input struct {
	Name string `json:"name"`
	// Value is what it was, as text.
	Value string `json:"value,omitempty"`
	// Sum is the value's SHA-256, in hex, where the value itself is not kept: it is long, or nobody's business.
	Sum string `json:"sum,omitempty"`
	// From is the key of the step that made what the value stands for (the files below), or says which image it came
	// with; empty where that does not apply. It is told, but is no part of the step's key.
	From string `json:"from,omitempty"`
}

// Inputs are all of them, in an order that counts.
type Inputs []Input

// keyVersion begins what a key is the hash of. It changes with the meaning of inputs.
const keyVersion = "shbuild step 2\n"

// Key is the key of the step that depends on the inputs, and on nothing else. It is the same whether values are there
// or only their sums.
func (in Inputs) Key() string {
	h := sha256.New()
	h.Write([]byte(keyVersion))
	for _, i := range in {
		name := sha256.Sum256([]byte(i.Name))
		h.Write(name[:])
		h.Write([]byte(i.sum()))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (i Input) sum() string {
	if i.Sum != "" {
		return i.Sum
	}
	sum := sha256.Sum256([]byte(i.Value))
	return hex.EncodeToString(sum[:])
}

// Equal says whether two inputs are the same, told or not.
func (i Input) Equal(other Input) bool { return i.Name == other.Name && i.sum() == other.sum() }

// Hidden is the input with its value's sum alone.
func (i Input) Hidden() Input {
	i.Value, i.Sum = "", i.sum()
	return i
}

// Made tells how an entry came to be: what it was made of, and where that was written. It explains; nothing is
// found by it.
type Made struct {
	Inputs Inputs `json:"inputs"`
	// Build is the file that was built. File and Line are where the instruction stood, and Text is the instruction
	// on one line.
	Build string `json:"build,omitempty"`
	File  string `json:"file,omitempty"`
	Line  int    `json:"line,omitempty"`
	Text  string `json:"text"`
	// Created is when the step was carried out the last time.
	Created time.Time `json:"created"`
	// Session names the build that did.
	Session string `json:"session,omitempty"`
	// Forced is why it was carried out though the cache had it: "--no-cache"; empty: the cache had it not.
	Forced string `json:"forced,omitempty"`
	// Left says why the cache has no entry of it: "it failed"; empty: it has one.
	Left string `json:"left,omitempty"`
	// Sources are the paths that were copied, for each of the inputs named "content".
	Sources [][]string `json:"sources,omitempty"`
	// Slots are the names under which steps like it are looked for.
	Slots []string `json:"slots,omitempty"`
}
