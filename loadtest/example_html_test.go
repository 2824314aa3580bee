package loadtest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"example.com/holdfast/loadtest"
)

// A page to look at when a test fails: verdict, charts and all figures in one file that needs no other. A test writes it to
// t.ArtifactDir.
func ExampleReport_WriteHTML() {
	server := loadtest.NewServer(t, hello)
	defer server.Close()
	r, err := loadtest.Run(context.Background(), loadtest.Config{
		Server:      server,
		Connections: 10,
		IdleTimeout: 200 * time.Millisecond,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	v := r.Judge(loadtest.Budget{})
	r.Verdict = &v // else the page says that nobody judged

	dir, err := os.MkdirTemp("", "holdfast")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	file, err := os.Create(filepath.Join(dir, "report.html"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := r.WriteHTML(file); err != nil {
		fmt.Println(err)
	}
	if err := file.Close(); err != nil {
		fmt.Println(err)
	}

	page, _ := os.ReadFile(file.Name())
	_, headline, _ := strings.Cut(string(page), "<h1>")
	headline, _, _ = strings.Cut(headline, ";")
	fmt.Println(headline)
	// Output: 10 of 10 conns held, 0 dropped
}
