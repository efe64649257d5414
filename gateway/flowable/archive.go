package flowable

import (
	"archive/zip"
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/riverstones/riverstones/gateway/fault"
	"github.com/riverstones/riverstones/gateway/river"
)

// Limits of an archive.
const (
	maxFiles    = 1000
	maxFileName = 255 // bytes
)

// unpack returns the files of an archive, which have at most limit bytes
// together: what is packed well does not pass for small.
func unpack(raw []byte, limit int64) ([]river.File, error) {
	if bytes.Count(raw, []byte("PK\x01\x02")) > 10*maxFiles { // each is an entry that the reader below keeps
		return nil, tooMany()
	}
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return nil, fault.New(fault.Invalid, "the file is no zip archive, or it is damaged").Because(err)
	}
	var files []river.File
	seen := map[string]bool{}
	for _, entry := range archive.File {
		if strings.HasSuffix(entry.Name, "/") {
			continue
		}
		if len(files) == maxFiles {
			return nil, tooMany()
		}
		if !plainName(entry.Name) || seen[entry.Name] {
			return nil, fault.New(fault.Invalid, "file %s of the archive has a name that can not be kept, or that comes twice", quote(entry.Name))
		}
		seen[entry.Name] = true
		content, err := extract(entry, limit)
		if err != nil {
			return nil, err
		}
		limit -= int64(len(content))
		files = append(files, river.File{Name: entry.Name, Bytes: content})
	}
	return files, nil
}

func tooMany() error {
	return fault.New(fault.TooLarge, "the archive has more than %d files", maxFiles)
}

// plainName reports whether a file can be kept under a name.
func plainName(name string) bool {
	return len(name) <= maxFileName && utf8.ValidString(name) && !strings.ContainsAny(name, "\x00\\") && filepath.IsLocal(name)
}

// extract reads a file of at most limit bytes.
func extract(entry *zip.File, limit int64) ([]byte, error) {
	tooLarge := fault.New(fault.TooLarge, "with file %s the archive holds more than is taken in one deployment", quote(entry.Name))
	if entry.UncompressedSize64 > uint64(max(limit, 0)) {
		return nil, tooLarge
	}
	from, err := entry.Open()
	if err != nil {
		return nil, damaged(entry, err)
	}
	content, err := io.ReadAll(io.LimitReader(from, limit+1))
	if closing := from.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return nil, damaged(entry, err)
	}
	if int64(len(content)) > limit {
		return nil, tooLarge
	}
	return content, nil
}

func damaged(entry *zip.File, err error) error {
	return fault.New(fault.Invalid, "file %s of the archive can not be unpacked", quote(entry.Name)).Because(err)
}
