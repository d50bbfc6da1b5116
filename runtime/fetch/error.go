package fetch

// advised is an error that knows what to do.
type advised struct {
	error
	hint string
}

func hinted(err error, hint string) error { return &advised{err, hint} }

func (a *advised) Unwrap() error { return a.error }

// Hint is advice for the user.
func (a *advised) Hint() string { return a.hint }
