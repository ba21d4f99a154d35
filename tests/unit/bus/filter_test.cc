#include "server/bus/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/base/error.h"
#include "tests/fakes/schema.h"

namespace eventbus::bus {
namespace {

Filter Parse(const std::vector<std::string>& patterns) {
  return Filter::Parse(patterns, fakes::Schema::Get().catalog).value();
}

TEST(FilterTest, NoPatternPassesEverythingAlsoWithoutAType) {
  const Filter filter = Parse({});
  EXPECT_TRUE(filter.Passes("document.uploaded"));
  EXPECT_TRUE(filter.Passes("unheard.of"));
  EXPECT_TRUE(filter.Passes(""));
}

TEST(FilterTest, AnExactTypePassesItselfAlone) {
  const Filter filter = Parse({"document.uploaded"});
  EXPECT_TRUE(filter.Passes("document.uploaded"));
  EXPECT_FALSE(filter.Passes("document.uploaded2"));
  EXPECT_FALSE(filter.Passes("document.indexed"));
  EXPECT_FALSE(filter.Passes(""));
}

TEST(FilterTest, APrefixPassesFutureTypesButNotItsOwnStem) {
  const Filter filter = Parse({"document.*"});
  EXPECT_TRUE(filter.Passes("document.archived"));
  EXPECT_TRUE(filter.Passes("document."));
  EXPECT_FALSE(filter.Passes("document"));
  EXPECT_FALSE(filter.Passes("documents.x"));
}

TEST(FilterTest, PatternsAddUp) {
  const Filter filter = Parse({"exam.graded", "page.*"});
  EXPECT_TRUE(filter.Passes("exam.graded"));
  EXPECT_TRUE(filter.Passes("page.view"));
  EXPECT_FALSE(filter.Passes("exam.started"));
}

TEST(FilterTest, EveryBadPatternIsNamed) {
  const auto filter = Filter::Parse({"document.uploaded", "document.shredded", "", "*", ".*"},
                                    fakes::Schema::Get().catalog);
  const ErrorDetails details = GetErrorDetails(filter.status());
  EXPECT_EQ(details.reason, v1::ERROR_REASON_REQUEST_INVALID);
  ASSERT_EQ(details.violations.size(), 4u);
  EXPECT_EQ(details.violations[0].field, "event_types[1]");
  EXPECT_EQ(details.violations[0].description,
            "\"document.shredded\", a type of the schema or a prefix such as \"document.*\" is "
            "allowed");
  EXPECT_EQ(details.violations[3].field, "event_types[4]");
}

TEST(FilterTest, FiltersThatPassTheSameAreDescribedTheSame) {
  const auto& catalog = fakes::Schema::Get().catalog;
  const auto one = Filter::Parse({"query.*", "document.uploaded"}, catalog);
  const auto two = Filter::Parse({"document.uploaded", "query.*", "query.*"}, catalog);
  EXPECT_EQ(one->Describe(), "document.uploaded,query.*");
  EXPECT_EQ(one->Describe(), two->Describe());
  EXPECT_EQ(Filter().Describe(), "all");
}

}  // namespace
}  // namespace eventbus::bus
