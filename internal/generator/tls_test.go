package generator

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// What kept the test process from seeing a certificate says nothing against the certificate.
func TestOnlyACertificateIsDistrusted(t *testing.T) {
	state := tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: []byte("leaf")}}}
	distrust := &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
	for _, why := range []error{distrust, errors.New("i/o timeout")} {
		var own TLS
		own.Refuse(why)
		err := own.verify(state)
		require.ErrorContains(t, err, why.Error())
		require.Equal(t, why == error(distrust), errors.As(err, new(*tls.CertificateVerificationError)))
	}
}
