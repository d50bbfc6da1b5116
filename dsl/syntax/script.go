package syntax

import "github.com/shbuild/shbuild/dsl/diag"

func readScript(src *diag.Source, escape rune, first int, main bool) (*File, error) {
	return &File{Source: src, Escape: escape}, nil
}
