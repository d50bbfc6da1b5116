package instr

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// Heredoc is the body of one <<NAME source of COPY or ADD, expanded already.
type Heredoc struct {
	Name string // the word after <<, without quotes
	Data string // the body, leading tabs removed where <<- asks for it
}

// FromWords makes an instruction from words that are expanded already: flags first,
// then operands. RUN, CMD, ENTRYPOINT, HEALTHCHECK CMD and SHELL are in exec form. The
// value is complete; it must not be given to Expand.
//
// docs are the bodies for the operands of COPY and ADD that start with <<.
func FromWords(keyword string, words []string, docs ...Heredoc) (any, error) {
	keyword = strings.ToUpper(keyword)
	if read, ok := ownWords[keyword]; ok {
		return read(words)
	}
	node, err := nodeFromWords(keyword, words)
	if err != nil {
		return nil, err
	}
	for _, d := range docs {
		node.Heredocs = append(node.Heredocs, parser.Heredoc{Name: d.Name, Content: d.Data})
	}
	value, err := instructions.ParseInstruction(node)
	if err != nil {
		return nil, advised(keyword, err)
	}
	switch c := value.(type) {
	case *instructions.RunCommand: // mounts are read by Expand only
		return c, c.Expand(func(word string) (string, error) { return word, nil })
	case *instructions.CopyCommand:
		settle(c.SourceContents)
	case *instructions.AddCommand:
		settle(c.SourceContents)
	}
	return value, nil
}

// settle marks heredoc bodies as expanded.
func settle(contents []instructions.SourceContent) {
	for i := range contents {
		contents[i].Expand = false
	}
}

func nodeFromWords(keyword string, words []string) (*parser.Node, error) {
	flags, operands := splitFlags(words)
	node := &parser.Node{
		Value:     keyword,
		Flags:     flags,
		Original:  source(keyword, flags, operands),
		StartLine: 1,
		EndLine:   1,
	}
	switch keyword {
	case "RUN", "CMD", "ENTRYPOINT", "SHELL":
		node.Attributes = map[string]bool{"json": true}
		node.Next = chain(operands)
	case "HEALTHCHECK":
		node.Attributes = map[string]bool{"json": true}
		node.Next = chain(operands)
	case "ENV", "LABEL":
		pairs, err := keyValues(keyword, operands)
		if err != nil {
			return nil, err
		}
		node.Next = chain(pairs)
	case "MAINTAINER", "WORKDIR", "USER", "STOPSIGNAL":
		// BuildKit takes the rest of the line as one operand, blanks and all.
		if len(operands) > 0 {
			node.Next = chain([]string{strings.Join(operands, " ")})
		}
	case "ONBUILD":
		if len(operands) > 0 {
			child, err := nodeFromWords(strings.ToUpper(operands[0]), operands[1:])
			if err != nil {
				return nil, err
			}
			node.Original = keyword + " " + child.Original
			node.Next = &parser.Node{Children: []*parser.Node{child}}
		}
	default:
		node.Next = chain(operands)
	}
	return node, nil
}

// splitFlags takes the flags off the front of words. A lone -- ends them.
func splitFlags(words []string) (flags, operands []string) {
	for i, w := range words {
		if w == "--" {
			return flags, words[i+1:]
		}
		if !strings.HasPrefix(w, "--") {
			return flags, words[i:]
		}
		flags = append(flags, w)
	}
	return flags, nil
}

// keyValues gives what BuildKit's parser gives for ENV and LABEL: key, value and
// delimiter in turn. A first word without = is the old form KEY value….
func keyValues(keyword string, words []string) ([]string, error) {
	if len(words) == 0 {
		return nil, nil
	}
	if !strings.Contains(words[0], "=") {
		if len(words) < 2 {
			return nil, fmt.Errorf("%s must have two arguments", keyword)
		}
		return []string{words[0], strings.Join(words[1:], " "), ""}, nil
	}
	var pairs []string
	for _, w := range words {
		key, value, ok := strings.Cut(w, "=")
		if !ok {
			//lint:ignore ST1005 it is BuildKit's message
			return nil, fmt.Errorf("Syntax error - can't find = in %q. Must be of the form: name=value", w)
		}
		pairs = append(pairs, key, value, "=")
	}
	return pairs, nil
}

// chain links values as BuildKit's parser links a node's operands.
func chain(values []string) *parser.Node {
	var first, last *parser.Node
	for _, v := range values {
		n := &parser.Node{Value: v}
		if first == nil {
			first = n
		} else {
			last.Next = n
		}
		last = n
	}
	return first
}

// source gives the instruction as a line that BuildKit's parser would read back; it is
// what the image's history shows, and what an ONBUILD trigger is stored as.
func source(keyword string, flags, operands []string) string {
	parts := append([]string{keyword}, flags...)
	switch keyword {
	case "RUN", "CMD", "ENTRYPOINT", "SHELL":
		return strings.Join(append(parts, array(operands)), " ")
	case "HEALTHCHECK":
		if len(operands) > 1 {
			return strings.Join(append(parts, operands[0], array(operands[1:])), " ")
		}
	case "COPY", "ADD", "VOLUME":
		for _, o := range operands {
			if strings.HasPrefix(o, "<<") {
				return strings.Join(append(parts, operands...), " ")
			}
		}
		if strings.ContainsAny(strings.Join(operands, ""), " \t\n\"'") {
			return strings.Join(append(parts, array(operands)), " ")
		}
	case "ENV", "LABEL", "ARG":
		for _, o := range operands {
			parts = append(parts, quoteValue(o))
		}
		return strings.Join(parts, " ")
	}
	return strings.Join(append(parts, operands...), " ")
}

func array(words []string) string {
	if words == nil {
		words = []string{}
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(words) // strings always encode, and a Builder takes everything
	return strings.TrimSpace(b.String())
}

// quoteValue puts the value of a k=v pair in quotes where it needs them.
func quoteValue(pair string) string {
	key, value, ok := strings.Cut(pair, "=")
	if !ok || !strings.ContainsAny(value, " \t\n\"'\\$") {
		return pair
	}
	r := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`)
	return key + `="` + r.Replace(value) + `"`
}

// errExpanded is a caller's mistake that would otherwise expand a value twice.
var errExpanded = errors.New("the instruction is none that can be expanded")
