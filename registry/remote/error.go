package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Kind is what went wrong, for callers that branch on it.
type Kind string

const (
	Unreachable  Kind = "unreachable"   // no connection
	Insecure     Kind = "insecure"      // no TLS, or a certificate that is not trusted
	Unauthorized Kind = "unauthorized"  // credentials missing or refused
	NotFound     Kind = "not found"     // no such repository, tag or digest
	NoPlatform   Kind = "no platform"   // the image is there, for other platforms
	NotImage     Kind = "not an image"  // another artifact, or a format of the past
	Refused      Kind = "refused"       // the registry will not, or cannot just now
	Broken       Kind = "broken off"    // a transfer that retries did not save
	Wrong        Kind = "wrong content" // not what its digest, its size or its type promises
)

// Error is a failure to pull or push an image.
type Error struct {
	Kind   Kind
	Image  string // as the user knows it
	Reason string // what is wrong, in a few words
	Advice string // what to do; may be empty
	Err    error  // the cause, for errors.As; may be nil
}

func (e *Error) Error() string { return e.Image + ": " + e.Reason }
func (e *Error) Unwrap() error { return e.Err }

// Hint is what to do about it.
func (e *Error) Hint() string { return e.Advice }

func (r *repo) fail(kind Kind, advice string, format string, args ...any) *Error {
	return &Error{Kind: kind, Image: r.ref.Familiar(), Reason: fmt.Sprintf(format, args...), Advice: advice}
}

// explain turns what HTTP and go-containerregistry say into an *Error. Cancelling stays itself.
func (r *repo) explain(err error) error {
	var done *Error
	if errors.As(err, &done) || errors.Is(err, context.Canceled) {
		return err
	}
	e := r.classify(err)
	e.Err = err
	return e
}

func (r *repo) classify(err error) *Error {
	var answer *transport.Error
	if errors.As(err, &answer) {
		return r.answered(answer)
	}
	if e := r.untrusted(err); e != nil {
		return e
	}
	var broken *cutOff
	if errors.As(err, &broken) {
		return r.fail(Broken, "try again; what came so far was not kept", "%v", broken)
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return r.fail(Unreachable, "check the spelling of the registry's name, and that this machine has a network",
			"registry %s: its host name cannot be resolved: %s", r.ref.Domain, dns.Err)
	}
	var op *net.OpError
	var network net.Error
	if errors.As(err, &op) || errors.As(err, &network) && network.Timeout() || passing(err) {
		reason := innermost(err)
		if op != nil {
			reason = innermost(op)
		}
		return r.fail(Unreachable, r.unreachableAdvice(op), "registry %s cannot be reached: %s", r.ref.Domain, reason)
	}
	var hinted interface{ Hint() string } // a layer that cannot be read may know why
	if errors.As(err, &hinted) {
		return r.fail(Refused, hinted.Hint(), "registry %s: %v", r.ref.Domain, err)
	}
	return r.fail(Refused, "", "registry %s: %v", r.ref.Domain, err)
}

func (r *repo) unreachableAdvice(op *net.OpError) string {
	if op != nil && op.Addr != nil && r.ref.Loopback() {
		return "is the registry running? Nothing answers at " + op.Addr.String()
	}
	return "check the registry's name and port, and that this machine has a network; a proxy is taken from HTTPS_PROXY"
}

// untrusted explains what is wrong with TLS, if it is that.
func (r *repo) untrusted(err error) *Error {
	const advice = "put the certificate of its authority into the system's store or SSL_CERT_FILE, or allow it with --insecure"
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return r.fail(Insecure, advice, "registry %s: its certificate is signed by an unknown authority", r.ref.Domain)
	case errors.As(err, &host):
		return r.fail(Insecure, advice, "registry %s: its certificate is for another host: %v", r.ref.Domain, host)
	case errors.As(err, &invalid):
		return r.fail(Insecure, advice, "registry %s: its certificate is not valid: %v", r.ref.Domain, invalid)
	case errors.As(err, &verify):
		return r.fail(Insecure, advice, "registry %s: its certificate cannot be verified: %v", r.ref.Domain, verify.Err)
	case errors.Is(err, http.ErrSchemeMismatch), errors.Is(err, errPlainHTTP), errors.As(err, &record):
		return r.fail(Insecure, "if that is as it should be, allow plain HTTP with --insecure", "registry %s does not speak TLS", r.ref.Domain)
	}
	return nil
}

// answered explains an answer of the registry, or of its token service, that is an error.
func (r *repo) answered(answer *transport.Error) *Error {
	said := saying(answer)
	switch code := answer.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return r.fail(Unauthorized, r.login.advice(r.ref), "registry %s: access denied: %s", r.ref.Domain, said)
	case code == http.StatusNotFound:
		return r.fail(NotFound, "check the name and the tag", "not in the registry %s: %s", r.ref.Domain, said)
	case code == http.StatusTooManyRequests:
		return r.fail(Refused, "wait a while; registries often allow more to users who log in (docker login "+r.ref.Domain+")",
			"registry %s: too many requests: %s", r.ref.Domain, said)
	case code == http.StatusRequestEntityTooLarge:
		return r.fail(Refused, "a proxy in front of the registry limits uploads: nginx calls it client_max_body_size",
			"registry %s: a layer is too large for it", r.ref.Domain)
	case code >= 500:
		return r.fail(Refused, "the registry has a fault of its own; try again later", "registry %s: %s", r.ref.Domain, said)
	}
	return r.fail(Refused, "", "registry %s: %s", r.ref.Domain, said)
}

// saying is the registry's own words where it has some, without the URL and the details.
func saying(answer *transport.Error) string {
	var words []string
	for _, one := range answer.Errors {
		word := one.Message
		if word == "" {
			word = strings.ToLower(strings.ReplaceAll(string(one.Code), "_", " "))
		}
		words = append(words, word)
	}
	if len(words) == 0 {
		words = []string{fmt.Sprintf("%d %s", answer.StatusCode, http.StatusText(answer.StatusCode))}
	}
	return oneLine(strings.Join(words, "; "))
}

// oneLine keeps a foreign text from filling the terminal.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 200 {
		text = text[:200] + "…"
	}
	return text
}

// innermost is the cause at the end of the chain, for what wraps it only repeats the address.
func innermost(err error) error {
	for {
		wrapped, ok := err.(interface{ Unwrap() error })
		if !ok || wrapped.Unwrap() == nil {
			return err
		}
		err = wrapped.Unwrap()
	}
}
