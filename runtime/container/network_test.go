package container

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/shbuild/shbuild/runtime/sandbox"
)

// The name servers of a container depend on which it can reach.
func TestNameServers(t *testing.T) {
	private := sandbox.Spec{Private: &sandbox.Private{NameServer: netip.MustParseAddr("10.0.2.3")}}
	for _, tt := range []struct {
		host                string // the host's
		own, private, apart string // with the host's network, a private one and none
	}{
		{"127.0.0.53", "127.0.0.53", "10.0.2.3", "public"},
		{"192.0.2.1", "192.0.2.1", "10.0.2.3", "192.0.2.1"},
		{"127.0.0.1 192.0.2.1 192.0.2.2", "127.0.0.1 192.0.2.1 192.0.2.2", "10.0.2.3 192.0.2.1 192.0.2.2", "192.0.2.1 192.0.2.2"},
		{"fd00::1 192.0.2.1", "fd00::1 192.0.2.1", "fd00::1 10.0.2.3", "fd00::1 192.0.2.1"},
		{"::1", "::1", "10.0.2.3", "public"},
		{"", "public", "10.0.2.3", "public"},
	} {
		text := ""
		for _, s := range strings.Fields(tt.host) {
			text += "nameserver " + s + "\n"
		}
		for spec, want := range map[*sandbox.Spec]string{{}: tt.own, &private: tt.private, {NoNetwork: true}: tt.apart} {
			if want == "public" {
				want = strings.Join(publicServers, " ")
			}
			want = "nameserver " + strings.ReplaceAll(want, " ", "\nnameserver ") + "\n"
			if got := string(resolvConf([]byte(text), servers(spec))); got != want {
				t.Errorf("%q: %q, want %q", tt.host, got, want)
			}
		}
	}
}
