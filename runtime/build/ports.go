package build

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// parsePorts turns EXPOSE's operands, [[ip:]host:]port[-port][/protocol], into
// the image's "port/protocol", as BuildKit does.
func parsePorts(specs []string) ([]string, error) {
	var out []string
	for _, spec := range specs {
		ports, err := parsePort(spec)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", spec, err)
		}
		out = append(out, ports...)
	}
	return out, nil
}

func parsePort(spec string) ([]string, error) {
	ip, host, port := splitHost(spec)
	port, proto, _ := strings.Cut(port, "/")
	switch proto = strings.ToLower(proto); proto {
	case "":
		proto = "tcp"
	case "tcp", "udp", "sctp":
	default:
		return nil, fmt.Errorf("unknown protocol %q, want tcp, udp or sctp", proto)
	}
	if strings.HasPrefix(ip, "[") {
		bare, _, err := net.SplitHostPort(ip + ":")
		if err != nil {
			return nil, fmt.Errorf("invalid address %q", ip)
		}
		ip = bare
	}
	if ip != "" && net.ParseIP(ip) == nil {
		return nil, fmt.Errorf("invalid address %q", ip)
	}
	first, last, err := portRange(port)
	if err != nil {
		return nil, err
	}
	if host != "" {
		hfirst, hlast, err := portRange(host)
		if err != nil {
			return nil, err
		}
		if last != first && last-first != hlast-hfirst {
			return nil, fmt.Errorf("the ranges %s and %s differ in length", host, port)
		}
	}
	var out []string
	for p := first; p <= last; p++ {
		out = append(out, strconv.Itoa(p)+"/"+proto)
	}
	return out, nil
}

// splitHost splits [[ip:]host:]container at its last two colons.
func splitHost(spec string) (ip, host, container string) {
	parts := strings.Split(spec, ":")
	switch n := len(parts); n {
	case 1:
		return "", "", spec
	case 2:
		return "", parts[0], parts[1]
	default:
		return strings.Join(parts[:n-2], ":"), parts[n-2], parts[n-1]
	}
}

func portRange(s string) (first, last int, err error) {
	a, b, ranged := strings.Cut(s, "-")
	if first, err = portNumber(a); err != nil || !ranged {
		return first, first, err
	}
	if last, err = portNumber(b); err != nil {
		return 0, 0, err
	}
	if last < first {
		return 0, 0, fmt.Errorf("the range %s ends before it begins", s)
	}
	return first, last, nil
}

func portNumber(s string) (int, error) {
	n, err := strconv.ParseInt(s, 10, 32) // a sign in front is fine
	if err != nil || n < 0 || n > 65535 {
		return 0, fmt.Errorf("invalid port %q, want 0 to 65535", s)
	}
	return int(n), nil
}
