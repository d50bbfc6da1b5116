package text

// selected reports whether a command's addresses select the line at hand.
func (m *machine) selected(cmd *sedCommand) bool {
	if cmd.name == '}' || cmd.name == ':' {
		return false
	}
	return m.inAddresses(cmd) != cmd.negate
}

func (m *machine) inAddresses(cmd *sedCommand) bool {
	switch {
	case cmd.from == nil:
		return true
	case cmd.to == nil:
		return m.matches(cmd.from)
	case cmd.active:
		return m.inRange(cmd)
	}
	zero := cmd.from.kind == 'n' && cmd.from.n == 0
	if zero && m.line == 1 {
		// 0,/x/ may end on the first line already.
		cmd.active = true
		return m.inRange(cmd)
	}
	if !m.matches(cmd.from) {
		return false
	}
	return m.startRange(cmd)
}

// startRange begins a range on the line at hand, which may be its only one.
func (m *machine) startRange(cmd *sedCommand) bool {
	cmd.until = 0
	switch to := cmd.to; to.kind {
	case 'n':
		cmd.until = max(to.n, m.line)
	case '+':
		cmd.until = m.line + to.n
	case '*':
		cmd.until = m.line
		if to.n > 0 {
			cmd.until = (m.line + to.n - 1) / to.n * to.n
		}
	case '$':
		cmd.active = !m.isLast()
		return true
	}
	cmd.active = cmd.until == 0 || cmd.until > m.line
	return true
}

// inRange is for a line after the first one of a range.
func (m *machine) inRange(cmd *sedCommand) bool {
	if cmd.until > 0 {
		cmd.active = m.line < cmd.until
		return m.line <= cmd.until
	}
	cmd.active = !m.matches(cmd.to)
	return true
}

func (m *machine) matches(a *sedAddress) bool {
	switch a.kind {
	case 'n':
		return m.line == a.n
	case '~':
		if a.step <= 0 {
			return m.line == a.n
		}
		return m.line >= a.n && (m.line-a.n)%a.step == 0
	case '$':
		return m.isLast()
	}
	re, err := m.expression(a.re)
	return err == nil && re.Match(m.space)
}
