package gate

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"example.com/holdfast/internal/golden"
)

// TestWireIsThatOfItsProtocol: whoever changes what a test process and its server processes say to each other gives the protocol
// another number. Then a base of before says so, instead of being misunderstood.
func TestWireIsThatOfItsProtocol(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "protocol %d\n", protocol)
	seen := map[reflect.Type]bool{}
	for _, v := range []any{hello{}, order{}, answer{}} {
		describe(&b, reflect.TypeOf(v), seen)
	}
	golden.Want(t, "wire", b.String())
}

// describe writes the fields of a type that gob would send, and those of the types in them.
func describe(b *strings.Builder, t reflect.Type, seen map[reflect.Type]bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		describe(b, t.Elem(), seen)
		return
	case reflect.Struct:
	default:
		return
	}
	if seen[t] {
		return
	}
	seen[t] = true
	fmt.Fprintf(b, "\n%s\n", t)
	for i := range t.NumField() {
		f := t.Field(i)
		if f.IsExported() && f.Type.Kind() != reflect.Func {
			fmt.Fprintf(b, "\t%s %s\n", f.Name, f.Type)
		}
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() {
			describe(b, f.Type, seen)
		}
	}
}
