package store

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
)

// FuzzCut: what is cut is all of the text, in its order, and where the text is JSON, the entries are those that a
// decoder finds.
func FuzzCut(f *testing.F) {
	for _, text := range []string{
		`{"schemaVersion":2,"manifests":[]}`,
		`{"schemaVersion":2,"manifests":[{"a":"]}"},{"b":[1,{"c":"\\"}]} , {}],"annotations":{"d":"\"[{"}}`,
		" {\n\"x\": null , \"manifests\" : [ 1 ,\t2\r] } ",
		`{"manifests":{},"other":[{"manifests":[3]}]}`,
		`{"manifests":null}`, `{}`, `[]`, ``, `{"manifests":[`, `{"manifests":["\"]}`, `{"a":1,,"manifests":[]}`, `{"manifests":[1]}{}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before, entries, behind, err := cut(text)
		if err != nil {
			if json.Valid(text) && bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		rest := text
		for _, part := range slices.Concat([][]byte{before}, entries, [][]byte{behind}) {
			i := bytes.Index(rest, part)
			if i < 0 {
				t.Fatalf("%q is not in what is left, %q", part, rest)
			}
			rest = rest[i+len(part):]
		}
		if len(rest) > 0 && behind != nil {
			t.Errorf("%q is left", rest)
		}
		var whole struct {
			Manifests json.RawMessage `json:"manifests"`
		}
		if json.Unmarshal(text, &whole) != nil || bytes.Count(bytes.ToLower(text), []byte("manifests")) != 1 || !bytes.Contains(text, []byte("manifests")) {
			return // not JSON, or with a list of another spelling, which counts for this decoder but not for the format
		}
		var want []json.RawMessage
		if json.Unmarshal(whole.Manifests, &want) != nil {
			return
		}
		if !slices.EqualFunc(entries, want, func(a []byte, b json.RawMessage) bool { return bytes.Equal(a, b) }) {
			t.Errorf("%q: got %q, want %q", text, entries, want)
		}
	})
}
