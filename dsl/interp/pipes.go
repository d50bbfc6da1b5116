package interp

import (
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// pipes are the named pipes of <(…) and >(…), which the runner makes and opens by
// itself. Opening one waits for its other end, and nothing else can end the wait.
type pipes struct{ folder string }

// again is how often a shell that must end is looked for.
const again = 20 * time.Millisecond

// release lets go of all shells that wait, until the pipes are removed.
func (p *pipes) release() {
	for p.open() {
		time.Sleep(again)
	}
}

// remove lets go of the shells that wait and removes the pipes.
func (p *pipes) remove() {
	p.open()
	os.RemoveAll(p.folder)
}

// open opens both ends of each pipe for a moment. It says whether the folder is there.
func (p *pipes) open() bool {
	entries, err := os.ReadDir(p.folder)
	for _, e := range entries {
		f, err := os.OpenFile(filepath.Join(p.folder, e.Name()), os.O_RDWR|unix.O_NONBLOCK, 0)
		if err == nil {
			f.Close()
		}
	}
	return err == nil
}
