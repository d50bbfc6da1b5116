package cache

import (
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// sortedHashes puts the blobs in an order that does not depend on chance.
func sortedHashes(blobs map[v1.Hash]openedBlob) []v1.Hash {
	return slices.SortedFunc(maps.Keys(blobs), func(a, b v1.Hash) int { return strings.Compare(a.Hex, b.Hex) })
}
