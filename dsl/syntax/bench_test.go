package syntax

import (
	"fmt"
	"strings"
	"testing"

	"github.com/shbuild/shbuild/dsl/diag"
)

// BenchmarkRead is the reader on a Dockerfile and on a script, of so many instructions.
func BenchmarkRead(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		for kind, text := range map[string]string{
			"plain":  "FROM scratch\n" + strings.Repeat("RUN apt-get update && apt-get install -y git \\\n    curl\nCOPY --chown=1:1 a b /srv/\nENV A=b\n", n/3),
			"script": "#!/usr/bin/env shbuild\nFROM scratch\n" + strings.Repeat("for x in a b; do\n  if RUN test -e /$x; then COPY $x /; fi\ndone\n", n/3),
		} {
			b.Run(fmt.Sprintf("%s/%d", kind, n), func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					if _, err := Read(&diag.Source{Name: "Dockerfile", Text: []byte(text)}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
