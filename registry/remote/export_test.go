package remote

import (
	"context"
	"net"

	"github.com/shbuild/shbuild/registry/reference"
)

// DialTo lets the client take a test's server for any host.
func (c *Client) DialTo(addr string) {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	c.strict.DialContext, c.lax.DialContext = dial, dial
	c.strict.Proxy, c.lax.Proxy = nil, nil
}

// AuthFiles is authFiles.
var AuthFiles = authFiles

// FindLogin gives what findLogin finds: user, secret, file, and the advice for who is turned away.
func FindLogin(files []string, ref reference.Ref) (user, secret, from, advice string) {
	l := findLogin(files, ref)
	config, err := l.auth.Authorization()
	if err != nil {
		panic(err)
	}
	secret = config.Password
	if config.IdentityToken != "" {
		secret = config.IdentityToken
	}
	return config.Username, secret, l.from, l.advice(ref)
}
