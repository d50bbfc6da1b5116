// Package pattern has regular expressions that are compiled when they are first asked for. A program has dozens and uses
// a few; to compile them all takes a start more memory than everything else of ours.
package pattern

import (
	"regexp"
	"sync"
)

// Lazy gives an expression (regexp/syntax). One that is wrong panics when it is first used, so that a test of its use finds it.
func Lazy(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
