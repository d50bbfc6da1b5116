package build

import (
	"bytes"
	"io"
)

// A mask shows **** in the place of secrets. It holds back no more than what a secret may begin with.
type mask struct {
	w       io.Writer
	secrets [][]byte
	held    []byte
}

// shortest is the length from which on a secret is hidden: shorter ones are everywhere.
const shortest = 4

// newMask hides the secrets, and what they are without the line ends around them.
func newMask(w io.Writer, secrets [][]byte) *mask {
	m := &mask{w: w}
	for _, s := range secrets {
		if s = bytes.TrimSpace(s); len(s) >= shortest {
			m.secrets = append(m.secrets, s)
		}
	}
	return m
}

func (m *mask) Write(p []byte) (int, error) {
	if len(m.secrets) == 0 {
		return m.w.Write(p)
	}
	text := append(m.held, p...)
	for _, s := range m.secrets {
		text = bytes.ReplaceAll(text, s, []byte("****"))
	}
	hold := 0
	for _, s := range m.secrets {
		for n := min(len(s)-1, len(text)); n > hold; n-- {
			if bytes.HasSuffix(text, s[:n]) {
				hold = n
			}
		}
	}
	show := text[:len(text)-hold]
	m.held = bytes.Clone(text[len(show):])
	if len(show) == 0 {
		return len(p), nil
	}
	_, err := m.w.Write(show)
	return len(p), err
}

// flush writes what was held back.
func (m *mask) flush() error {
	if len(m.held) == 0 {
		return nil
	}
	_, err := m.w.Write(m.held)
	m.held = nil
	return err
}
