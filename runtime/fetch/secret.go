package fetch

import (
	"encoding/base64"
	"net/url"
	"strings"
)

func (f *Fetcher) secret(id string) string {
	if f.opts.Secret == nil {
		return ""
	}
	data, ok := f.opts.Secret(id)
	if !ok {
		return ""
	}
	return strings.TrimRight(string(data), "\r\n")
}

// httpSecret is the header Authorization for a host; empty: none.
func (f *Fetcher) httpSecret(host string) string {
	if v := f.secret("HTTP_AUTH_TOKEN_" + host); v != "" {
		return "Bearer " + v
	}
	return f.secret("HTTP_AUTH_HEADER_" + host)
}

// gitSecret is the environment by which git gets the header for a remote, and for nothing else: arguments can be read
// by every user of the machine, and files outlive a build.
func (f *Fetcher) gitSecret(remote string) []string {
	u, err := url.Parse(remote)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return nil
	}
	value := ""
	for _, suffix := range []string{"." + u.Host, ""} {
		if value == "" {
			value = f.secret("GIT_AUTH_HEADER" + suffix)
		}
		if token := f.secret("GIT_AUTH_TOKEN" + suffix); value == "" && token != "" {
			value = "basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+token))
		}
	}
	if value == "" {
		return nil
	}
	return []string{
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=http." + remote + ".extraHeader", "GIT_CONFIG_VALUE_0=Authorization: " + value,
	}
}
