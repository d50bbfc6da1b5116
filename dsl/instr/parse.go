package instr

import (
	"errors"
	"fmt"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/shbuild/shbuild/internal/pattern"
)

// defaultEscape is Dockerfile's escape character where no directive names another.
const defaultEscape = '\\'

// Parse reads one instruction from its raw text: keyword, continuation lines and
// heredoc bodies included. Nothing is expanded. escape is the file's escape character;
// 0 is the backslash.
func Parse(text string, escape rune) (any, error) {
	return ParseAt(text, escape, Place{})
}

// Place is what an instruction of a plain Dockerfile has around it.
type Place struct {
	Line, EndLine int            // from 1; 0: it is a file of its own
	Comments      []string       // directly above, without the #
	Lint          *linter.Linter // hears what the rules about an instruction's form say; may be nil
}

// ParseAt is Parse for an instruction whose place is known: the value has its lines and comments.
func ParseAt(text string, escape rune, at Place) (any, error) {
	node, err := parseNode(text, escape)
	if err != nil {
		return nil, err
	}
	if at.Line > 0 {
		node.StartLine, node.EndLine, node.PrevComment = at.Line, at.EndLine, at.Comments
	}
	keyword, rest := splitKeyword(node.Original)
	if read, ok := ownWords[keyword]; ok {
		words, err := splitWords(rest, escape)
		if err != nil {
			return nil, err
		}
		return read(words)
	}
	lint := at.Lint
	if lint == nil { // BuildKit's parser takes nil, but not where a comment has a check directive
		lint = linter.New(&linter.Config{})
	}
	value, err := instructions.ParseInstructionWithLinter(node, lint)
	return value, advised(keyword, err)
}

// Onbuild reads an ONBUILD trigger of a base image, as it stands in the image's config.
func Onbuild(trigger string) (any, error) {
	node, err := parseNode(trigger, defaultEscape)
	if err != nil {
		return nil, fmt.Errorf("onbuild trigger %q: %w", trigger, err)
	}
	cmd, err := instructions.ParseCommand(node)
	if err != nil {
		return nil, fmt.Errorf("onbuild trigger %q: %w", trigger, err)
	}
	return cmd, nil
}

func parseNode(text string, escape rune) (*parser.Node, error) {
	if escape != 0 && escape != defaultEscape {
		text = fmt.Sprintf("# escape=%c\n%s", escape, text)
	}
	result, err := parser.Parse(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	if n := len(result.AST.Children); n != 1 {
		return nil, fmt.Errorf("%d instructions where one was expected", n)
	}
	return result.AST.Children[0], nil
}

var keywordEnd = pattern.Lazy(`[\t\v\f\r ]+`) // what BuildKit's parser splits at

func splitKeyword(line string) (keyword, rest string) {
	parts := keywordEnd().Split(strings.TrimSpace(line), 2)
	if len(parts) == 2 {
		rest = parts[1]
	}
	return strings.ToUpper(parts[0]), rest
}

// splitWords splits the operands of an own word at blanks. Quotes group and are
// removed, escape takes the next character as it is; nothing is expanded, so $x stays.
func splitWords(text string, escape rune) ([]string, error) {
	if escape == 0 {
		escape = defaultEscape
	}
	var words []string
	var word strings.Builder
	inWord, escaped, quote := false, false, rune(0)
	for _, r := range text {
		switch {
		case escaped:
			if quote == '"' && !strings.ContainsRune("\"\\$`", r) {
				word.WriteRune(escape)
			}
			word.WriteRune(r)
			escaped = false
		case r == escape && quote != '\'':
			inWord, escaped = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			inWord, quote = true, r
		case strings.ContainsRune(" \t\r\n\v\f", r):
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			inWord = true
			word.WriteRune(r)
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
