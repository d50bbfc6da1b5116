package buildctx

import "context"

type rules struct{}

type Hashes struct{}

// OpenHashes reads what was remembered in the file path, which need not exist.
func OpenHashes(path string) *Hashes { return &Hashes{} }

// Save writes what was learnt back.
func (h *Hashes) Save() error { return nil }

func Open(dir string, o Options) (*Tree, error) { return &Tree{name: dir}, nil }

// Root is a mounted root file system of a stage as a source.
func Root(dir string) (*Tree, error) { return &Tree{name: dir, stage: true}, nil }

func (t *Tree) Close() error { return nil }

func (t *Tree) Find(patterns []string, o FindOptions) ([]Match, error) { return nil, nil }

func (t *Tree) Digest(ctx context.Context, m []Match) (string, error) { return "", nil }

func ParseMode(s string) error { return nil }
