package interp

import (
	"testing"

	"github.com/shbuild/shbuild/dsl/diag"
	"github.com/shbuild/shbuild/dsl/syntax"
)

// BenchmarkRun is what a script costs that has next to nothing to do, and what each further instruction does.
func BenchmarkRun(b *testing.B) {
	for name, text := range map[string]string{
		"start":    "FROM scratch\n:\n",
		"loop/100": "FROM scratch\nfor i in {1..100}; do RUN print $i; done\n",
	} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			for b.Loop() {
				f, err := syntax.Read(&diag.Source{Name: "build.sh", Text: []byte(text)})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := Run(b.Context(), f, Options{Builder: &ledger{}, Dir: dir}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
