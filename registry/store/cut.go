package store

import (
	"bytes"
	"errors"
)

// cut finds the list of an index: the JSON texts of its entries, and what stands before and behind them. A store may have
// thousands of images where a build asks for one, and cutting is many times as fast as decoding. So only the frame and
// the entries that may be meant are decoded, by the caller. A text that has no list is all before.
func cut(content []byte) (before []byte, entries [][]byte, behind []byte, err error) {
	c := &cutter{text: content}
	c.take('{')
	for c.peek() == '"' {
		name := c.value()
		c.take(':')
		if c.peek() == '[' && bytes.Equal(name, []byte(`"manifests"`)) {
			c.at++
			before = content[:c.at]
			entries = c.list()
			return before, entries, content[c.at:], c.err
		}
		c.value()
		if c.peek() == ',' {
			c.at++
		}
	}
	return content, nil, nil, c.err
}

// cutter goes through a JSON text, of which it knows no more than where a value ends.
type cutter struct {
	text []byte
	at   int
	err  error
}

// peek skips space and gives the byte that follows; 0 at the end, which no JSON text has.
func (c *cutter) peek() byte {
	for ; c.at < len(c.text); c.at++ {
		switch b := c.text[c.at]; b {
		case ' ', '\t', '\r', '\n':
		default:
			return b
		}
	}
	return 0
}

func (c *cutter) take(want byte) {
	if c.peek() != want {
		c.fail()
		return
	}
	c.at++
}

// fail ends the text here.
func (c *cutter) fail() {
	if c.err == nil {
		c.err = errors.New("no JSON, or cut off")
	}
	c.at = len(c.text)
}

// list gives the values up to the bracket that closes a list, which stays.
func (c *cutter) list() (values [][]byte) {
	if c.peek() == ']' {
		return nil
	}
	for {
		values = append(values, c.value())
		switch c.peek() {
		case ',':
			c.at++
		case ']':
			return values
		default:
			c.fail()
			return nil
		}
	}
}

// value gives one value.
func (c *cutter) value() []byte {
	c.peek()
	from, depth := c.at, 0
	for c.at < len(c.text) {
		switch c.text[c.at] {
		case '"':
			c.string()
		case '{', '[':
			depth++
			c.at++
			continue
		case '}', ']', ',', ' ', '\t', '\r', '\n':
			if depth == 0 { // a number or a word ends with what it is in
				return c.text[from:c.at:c.at]
			}
			if b := c.text[c.at]; b == '}' || b == ']' {
				depth--
			}
			c.at++
		default:
			c.at++
			continue
		}
		if depth == 0 {
			return c.text[from:c.at:c.at]
		}
	}
	c.fail()
	return nil
}

// string skips a string: it ends with a quote that has an even number of backslashes before it.
func (c *cutter) string() {
	for c.at++; ; {
		length := bytes.IndexByte(c.text[c.at:], '"')
		if length < 0 {
			c.fail()
			return
		}
		end := c.at + length
		slashes := 0
		for end-slashes > c.at && c.text[end-1-slashes] == '\\' {
			slashes++
		}
		c.at = end + 1
		if slashes%2 == 0 {
			return
		}
	}
}
